"""What every BlobStore promises."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from runlore.errors import NotFound, StorageFailed
from runlore.store.blobs import LocalBlobStore

if TYPE_CHECKING:
    from pathlib import Path

    from runlore.store.base import BlobStore


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return LocalBlobStore(tmp_path / "blobs")


class TestBlobs:
    @pytest.mark.parametrize("data", [b"", b"hello", bytes(range(256)) * 40_000])
    def test_a_blob_comes_back_under_its_digest(self, blobs: BlobStore, data: bytes) -> None:
        digest = blobs.put(memoryview(data))
        assert digest == hashlib.sha256(data).hexdigest()
        assert blobs.get(digest) == data
        assert blobs.size(digest) == len(data)

    def test_storing_again_changes_nothing(self, blobs: BlobStore) -> None:
        assert blobs.put(b"same") == blobs.put(b"same")
        assert blobs.get(blobs.put(b"same")) == b"same"

    def test_a_missing_blob_is_not_found(self, blobs: BlobStore) -> None:
        missing = hashlib.sha256(b"never stored").hexdigest()
        assert blobs.size(missing) is None
        with pytest.raises(NotFound, match=missing):
            blobs.get(missing)

    def test_a_deleted_blob_is_gone_and_deleting_twice_is_fine(self, blobs: BlobStore) -> None:
        digest = blobs.put(b"short lived")
        blobs.delete(digest)
        blobs.delete(digest)
        assert blobs.size(digest) is None

    @pytest.mark.parametrize("name", ["../../etc/passwd", "", "ab", "A" * 64, "z" * 64])
    def test_what_is_no_digest_names_nothing(self, blobs: BlobStore, name: str) -> None:
        assert blobs.size(name) is None
        blobs.delete(name)
        with pytest.raises(NotFound, match="there is none"):
            blobs.get(name)


class TestLocalBlobs:
    def test_damaged_bytes_are_told_and_never_returned(self, tmp_path: Path) -> None:
        blobs = LocalBlobStore(tmp_path)
        digest = blobs.put(b"whole and sound")
        (tmp_path / digest[:2] / digest[2:4] / digest).write_bytes(b"whole and sour!")
        with pytest.raises(StorageFailed, match="fail their digest"):
            blobs.get(digest)

    def test_a_blob_cut_short_is_stored_anew(self, tmp_path: Path) -> None:
        blobs = LocalBlobStore(tmp_path)
        digest = blobs.put(b"whole and sound")
        (tmp_path / digest[:2] / digest[2:4] / digest).write_bytes(b"whole")
        assert blobs.put(b"whole and sound") == digest
        assert blobs.get(digest) == b"whole and sound"

    def test_a_folder_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("")
        with pytest.raises(StorageFailed, match="taken"):
            LocalBlobStore(tmp_path / "taken")

    def test_nothing_but_whole_blobs_lies_in_the_folder(self, tmp_path: Path) -> None:
        digest = LocalBlobStore(tmp_path).put(b"x")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
            tmp_path / digest[:2] / digest[2:4] / digest
        ]
