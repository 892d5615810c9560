"""An annotation project: scans, what several people drew on them, and who did what.

Every function takes a `Project` first. Nothing that was drawn is ever lost: revisions are added,
never changed, and saving is acknowledged only once it is on disk.
"""
