"""The Compose file of a customer's orchestrator: what docker-compose.yml says for the customers that it ships with."""

import json
from pathlib import Path

from installer.customer import Customer
from installer.vault import mounted

ORIGIN = "${PUBLIC_HOST:-localhost}:${HTTPS_PORT:-8443}"


def orchestrator_file(customer: Customer, base: str, customer_file: Path, secrets: Path) -> str:
    """Paths are relative to the project's folder; `base` is the file with the service that all orchestrators extend."""
    config = f"customer-{customer.name}"
    service = {
        "extends": {"file": base, "service": "orchestrator"},
        "environment": {
            "CROSSDOCK_PUBLIC_URL": f"https://{ORIGIN}/agents/{customer.name}",
            "CROSSDOCK_GRPC_ADDRESS": f"{customer.name}.grpc.{ORIGIN}",
            "CROSSDOCK_REDIS_USERNAME": customer.card,
        },
        "configs": [{"source": config, "target": "/etc/crossdock/customer.yaml"}],
        "secrets": [{"source": name, "target": target} for name, target in mounted(customer.card).items()],
    }
    whole = {
        "services": {customer.host: service},
        "configs": {config: {"file": str(customer_file)}},
        "secrets": {name: {"file": str(secrets / name)} for name in mounted(customer.card)},
    }
    return json.dumps(whole, indent=2) + "\n"  # JSON is YAML, and quotes names such as `no`
