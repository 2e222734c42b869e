"""Pages of HTML about results: one file each, no network, readable on a phone.

page.py    the frame of a page, with page.html, and its tables and pictures
charts.py  curves, as SVG
index.py   the page of the main job
"""
