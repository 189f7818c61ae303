"""The benchmark: kernels, hand-written adjoints, peers, and the driver that times them side by side."""
