"""Functions and options that NumPy has and Numba lacks, as functions that the compiler reads in their place.

Each is written in the language the compiler accepts, with NumPy's parameters, and inlined where the user calls
NumPy's; its derivative is that of its text. What depends on a rank or on an option is decided while it is read.
"""
