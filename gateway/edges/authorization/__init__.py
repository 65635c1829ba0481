"""The legacy authorization server: what v2 clients and their users' browsers see of OAuth (v2.md §1)."""
