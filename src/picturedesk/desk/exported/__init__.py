"""What ``Desk.export`` writes into its folder as Python: runs without picturedesk.

The modules are copied with what they import of ``texts``; their imports are renamed. So they may
import only modules that need neither picturedesk's files nor its checks.
"""
