"""The arrays behind layers: results, done-maps, trust; numpy alone, no Qt; for the rest of the
window.
"""
