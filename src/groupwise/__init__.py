"""Groupwise trains a ResNeXt on a folder of labelled images and says how good the result really is."""

from __future__ import annotations

__version__ = "0.1.0"
