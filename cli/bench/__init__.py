"""``b24 bench``: what copying, asking and showing cost, each measured by a command that anyone can run.

Each module is one measurement; ``measured`` runs programs and takes their figures, ``compared`` holds other tools.
"""
