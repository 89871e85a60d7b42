"""Small apps that answer the same question, each as its own documentation would teach it.

All of them read the same collection, with our indexes and with our choice of fields lent to them.
"""
