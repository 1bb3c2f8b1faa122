"""Accelerate for C++: its headers, its library for CMake, and the command accelerate-cpp."""

import pathlib

# Holds bin, include, lib and libexec, as `bazel run //:install` puts them into a folder.
PREFIX = pathlib.Path(__file__).resolve().parent / "prefix"
