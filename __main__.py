"""Pulumi's entry point."""

from stacks import deploy

deploy()
