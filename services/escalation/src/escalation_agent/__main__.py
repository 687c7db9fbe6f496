"""`python -m escalation_agent`: serves until SIGTERM; configured by CROSSDOCK_* variables."""

from crossdock.telemetry.tracing import silence_sdk_tracing


def main() -> None:
    silence_sdk_tracing()  # before anything imports a2a
    from crossdock.server.serving import run
    from escalation_agent.app import create_app
    from escalation_agent.settings import Settings

    run(Settings, create_app, "escalation-agent")


if __name__ == "__main__":
    main()
