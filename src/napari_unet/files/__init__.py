"""Files on any system: written whole or not at all, appended to, named and removed safely. For
every room.
"""
