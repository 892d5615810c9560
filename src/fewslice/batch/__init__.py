"""Many scans: jobs on this computer or a cluster, and a journal of what is finished."""
