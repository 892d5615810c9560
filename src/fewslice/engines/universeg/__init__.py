"""UniverSeg behind our protocol: each slice answered from those drawn and from other scans."""
