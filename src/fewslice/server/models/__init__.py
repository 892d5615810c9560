"""What the API takes and gives as JSON. Arrays travel apart, see `fewslice.server.arrays`.

One module for each of `fewslice.server.routes`. Places are of the page: axes and slices of the scan
turned to RAS, see `fewslice.server.ras`.
"""
