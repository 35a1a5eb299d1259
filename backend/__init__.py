"""Qinghe."""
