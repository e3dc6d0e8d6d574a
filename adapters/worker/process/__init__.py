"""Runs jobs in a supervised child process, so that what kills a run does not kill the server.

The parent keeps doors, queue and store. The child is another ``python -m serena``; it runs everything from
``process_images`` on, plugins included. Between them go lines of JSON; pictures lie in a blob store on disk.
"""
