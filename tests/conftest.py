"""Settings that all tests share."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from colornet.quiet import import_tensorflow

import_tensorflow()
