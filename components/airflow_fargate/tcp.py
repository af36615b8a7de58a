"""TCP of a task that depends on a server outside of it: how long a connection waits whose packets are lost."""

SYSTEM_CONTROLS = {
    "net.ipv4.tcp_keepalive_intvl": "10",
    "net.ipv4.tcp_keepalive_probes": "3",
    "net.ipv4.tcp_keepalive_time": "30",
    "net.ipv4.tcp_retries2": "8",
    "net.ipv4.tcp_syn_retries": "3",
}
"""Kernel parameters, by name: a host of RDS or ElastiCache that fails refuses nothing, it is silent.

With Linux's own a query waits 15 minutes for an answer to what it has sent, a new connection two minutes, and one on
which nothing is sent two hours. With these it is 107 seconds, of which RFC 1122 wants 100, then 15, and a minute where
the client asks for keepalives, as libpq does. Airflow reconnects.
"""
