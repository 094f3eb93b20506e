"""Own firmware: somebody's code, compiled, and run in a process of its own; it stands on the lab's `firmware`.

Open `code` first: it is what a device holds.  `page` is the folder's page, `build` the compiler, `runner` the process.
"""
