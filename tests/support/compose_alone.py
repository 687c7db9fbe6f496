"""Cases that the compose suite has for itself: each with what there is of it on Kubernetes, or why there is nothing."""

SAME_IMAGES = "the images are the same"
REASONS = {
    "test_a_host_header_leads_nowhere_else": "agents are found by host there",
    "test_a_token_has_one_limit_wherever_it_comes_from": (
        "no pod may connect to the ingress; that tokens are counted and no addresses is shown from outside"
    ),
    "test_containers_have_limits_and_no_more_rights_than_that": "tests/charts looks at them in each rendering",
    "test_images_say_what_they_are_and_programs_get_signals_themselves": SAME_IMAGES,
    "test_only_the_gateway_publishes_ports": "Services are of type ClusterIP: the harness refuses others",
    "test_stores_have_no_way_out": "`only the edges that the policies name are open` is its like",
    "test_no_compiler_and_no_package_manager_is_in_an_image": SAME_IMAGES,
    "test_no_secret_in_what_the_engine_keeps_of_containers": "`no secret in any object that is no secret` is its like",
    "test_no_secret_in_the_images": f"{SAME_IMAGES}, and older than the place's secrets",
    "test_the_scan_finds_what_it_looks_for": "it is about the scan of images",
    "test_a_customer_whose_file_is_broken_is_refused_before_anything_is_made": "its like has the same name",
    "test_what_does_not_start_is_taken_away_again": "a release that does not start is Helm's to take back",
    "test_a_mistyped_name_is_not_removed": "the installer's own tests have it",
    "test_a_third_customer_comes_and_goes_while_the_others_are_served": (
        "`a third customer is onboarded under load and leaves nothing` is its like"
    ),
    "test_stale_jwks_after_rotation": f"a setting of the edge decides it, and {SAME_IMAGES}",
    "test_cold_start_who_is_ready_has_imported_what_a_task_needs": (
        "its control is a container beside the others; the case before it looks at imports there too"
    ),
    "test_a_customer_is_limited_over_all_its_tokens_and_another_is_not": (
        "the service decides it, and tests/charts looks at its setting in each rendering"
    ),
    "test_traces_and_metrics_arrive_and_are_not_needed": "no chart has a collector: one is named by its address",
    "test_in_memory_store_with_several_workers_loses_tasks": "it says why the case that runs there too is right",
    "test_a_collector_that_is_down_disturbs_nothing": "`a rolling update and an upgrade under load` has one",
    "test_buffered_sse_fails_the_same_assertion": "`buffered events fail the same assertion` is its like",
    "test_the_gateway_finds_the_orchestrator_of_the_tokens_customer": "each orchestrator has a host of its own",
}
