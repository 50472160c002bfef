"""Readings of the machine: one module for each part of it, one dictionary of numbers for each reading.

Names are those that users know from W&B's system metrics, without their ``system.`` in front.
"""
