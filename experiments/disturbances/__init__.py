"""How much a method loses where two cameras differ in more than noise.

`cameras` has the disturbances, `measuring` disturbs pairs and scores methods on them,
and `show` writes what was measured.
"""
