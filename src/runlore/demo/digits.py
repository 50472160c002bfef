"""Train a small neural network on handwritten digits, and log the training with Runlore.

The data ships with scikit-learn: 1,797 pictures of 8 by 8 pixels. Run it on its own

    python -m runlore.demo.digits --learning-rate 0.003 --hidden 64

or copy this file as a start for your own training script.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import runlore

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shifted(images: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Each picture moved by up to one pixel each way, so that no epoch is like the last. images: shape (n, 64)."""
    moves = rng.integers(-1, 2, size=(len(images), 2))
    moved = [np.roll(image.reshape(8, 8), move, axis=(0, 1)).ravel() for image, move in zip(images, moves, strict=True)]
    return np.stack(moved)


def train(config: dict[str, Any], group: str | None = None) -> None:
    """Train one model and log it as one run."""
    images, labels = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(images / 16, labels, test_size=0.25, random_state=0)

    with runlore.init(project="digits", group=group, tags=["demo", config["optimizer"]], config=config) as run:
        run.define_metric("val/*", step_metric="epoch")
        run.define_metric("val/accuracy", step_metric="epoch", summary="max")

        rng = np.random.default_rng(config["seed"])
        model = MLPClassifier(
            hidden_layer_sizes=(config["hidden"],),
            solver=config["optimizer"],
            learning_rate_init=config["learning_rate"],
            alpha=config["weight_decay"],
            random_state=config["seed"],
        )
        for epoch in range(config["epochs"]):
            pictures = shifted(x_train, rng)
            order = rng.permutation(len(pictures))
            for batch in np.array_split(order, len(order) // config["batch_size"]):
                model.partial_fit(pictures[batch], y_train[batch], classes=np.arange(10))
                weights = np.sqrt(sum(float((layer**2).sum()) for layer in model.coefs_))
                run.log({"train/loss": model.loss_, "train/weight_norm": weights})

            guesses = model.predict_proba(x_val)
            accuracy = float((guesses.argmax(axis=1) == y_val).mean())
            loss = float(log_loss(y_val, guesses, labels=np.arange(10)))
            run.log({"epoch": epoch, "val/accuracy": accuracy, "val/loss": loss})
            print(f"epoch {epoch:3d}   val/loss {loss:.4f}   val/accuracy {accuracy:.3f}")


def main() -> None:
    """Train with the settings of the command line."""
    parser = argparse.ArgumentParser(description="Train a small network on handwritten digits, logged with Runlore.")
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--hidden", type=int, default=64, help="neurons in the hidden layer")
    parser.add_argument("--optimizer", choices=["adam", "sgd"], default="adam")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--weight-decay", type=float, default=0.0001)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--group", help="runs of one group are shown together")
    config = vars(parser.parse_args())
    train(group=config.pop("group"), config=config)


if __name__ == "__main__":
    main()
