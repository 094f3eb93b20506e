"""The lab as a static site: Python runs in a worker of the page, and the views are the ones that notebooks have.

`build` writes it; `tab` is what answers in the worker, and `tab_view` what a view is built on there.
"""
