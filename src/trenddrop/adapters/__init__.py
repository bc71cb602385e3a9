"""Services outside this process, behind the Protocols of the layers below."""
