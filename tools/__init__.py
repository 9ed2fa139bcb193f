"""What the tests and the demo need beyond Python: pinned tools and a simulated cluster."""
