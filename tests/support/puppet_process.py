"""`python -m tests.support.puppet_process`: a puppet agent as a process of its own, configured as services are."""

from crossdock.telemetry.tracing import silence_sdk_tracing


def main() -> None:
    silence_sdk_tracing()  # before anything imports a2a
    from crossdock.server.service import Service, create_service
    from crossdock.server.serving import run
    from tests.support.executors import Puppet
    from tests.support.system import PuppetSettings, puppet_card

    def create_app(settings: PuppetSettings) -> Service:
        return create_service(settings, puppet_card(settings.url), Puppet(), agent="puppet")

    run(PuppetSettings, create_app, "puppet-agent")


if __name__ == "__main__":
    main()
