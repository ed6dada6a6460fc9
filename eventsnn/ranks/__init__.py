"""Processes that work on one run, also on several machines; MPI stands in ``mpi.py`` alone."""
