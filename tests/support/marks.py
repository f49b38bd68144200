"""Which tests start processes, and which of the others are long: `make test-fast` has neither.

They are listed in one place so that the fast loop is seen at one glance; tests/conftest.py gives
the marks.
"""

from __future__ import annotations

import functools
from pathlib import Path

PROCESSES = (
    "test_readme.py",
    "ventral/test_campaign.py",  # makes a campaign that others in the folder use as well
    "ventral",
    "faults",
    "search/test_driver.py",
    "search/drill/test_worker.py",
    "search/tune/test_loop.py",
    "search/doctor/test_examining.py",
    "search/doctor/test_asking.py",
    "search/doctor/test_graphics.py",
    "search/test_budgets.py",
    "search/assign/test_shares.py",
    "search/mirror/test_mirroring.py",
    "search/mirror/test_tracking.py",
    "search/mirror/test_following.py",
    "search/mirror/test_database.py",
    "search/mirror/test_migrations.py",
    "search/mirror/test_pages.py",
    "search/mirror/test_campaign_page.py",
    "dashboards/test_from_mlflow.py",
    "search/forecast/test_calibration.py",
    "benchmarks",
    "dashboards/report/test_page.py",
    "workers/storage/test_protocol.py",
    "workers/storage/test_s3.py",
    "workers/storage/test_probing.py",
    "workers/storage/test_claim.py",
    "search/upkeep/test_stored.py",
    "search/test_at_a_storage.py",
    "workers/test_checkpoint_at_urls.py",
    "workers/test_published_export.py",
    "workers/test_trainable_elsewhere.py",
    "workers/data/test_publishing.py",
    "workers/test_compiling.py",
    "workers/test_job.py",
    "workers/test_trained_networks.py",
    "workers/data/test_packing.py",
    "building/test_wheel.py",
    "test_unpickling.py",
)
"""Folders of tests that start Ray, or other processes that take long, and files that do wherever
they stand below their folder: the mark `process`. They come first, in this order.
"""

PURE = (
    "ventral/test_cells.py",
    "ventral/test_forecast.py",
    "ventral/commands/test_drill.py",
    "ventral/commands/test_doctor.py",
    "ventral/test_launching.py",
    "ventral/test_matching.py",
    "ventral/test_live.py",
    "ventral/testing",
)
"""Files in these folders that start nothing."""

LONG = frozenset(
    {
        # Properties over many drawn genomes, of which others draw fewer.
        "test_a_change_that_keeps_the_digest_keeps_every_output",
        "test_a_name_says_what_goes_round",
        "test_another_spelling_is_the_same_network",
        "test_both_draw_motifs_small",
        "test_calls_hold_every_operation_once_and_after_its_operands",
        "test_choices_that_act_change_the_network_and_inert_ones_do_not",
        "test_different_networks_of_a_space_have_different_names",
        "test_different_networks_of_the_grammar_have_different_names",
        "test_equal_forms_are_isomorphic_graphs",
        "test_every_multiply_add_is_computed_or_saved_by_a_rule",
        "test_every_option_of_the_reciprocal_gated_cell",
        "test_fewer_steps_are_the_first_steps",
        "test_flat_form_to_genome_and_back",
        "test_macs_are_those_of_the_literal_unroll",
        "test_no_convolution_reads_joined_sources",
        "test_optuna_draws_the_conditional_space_but_for_weights",
        "test_recomputing_changes_nothing",
        "test_samples_of_a_space_collide_only_if_they_are_one_network",
        "test_so_do_those_of_the_large_space",
        "test_ten_stages_with_feedback",
        "test_the_zoo_has_different_names",
        "test_without_inert_parts_it_is_the_same_network",
        "test_work_names_and_order_stay",
        # Networks of published size.
        "test_a_published_model_costs_what_it_did",
        "test_decoders_cost_what_they_do",
        "test_every_variable_fills_one_parameter_or_a_part_of_several",
        "test_first_values_are_what_they_were",
        "test_planned_memory_is_within_15_per_cent",
        "test_recomputing_takes_the_memory_that_was_foretold",
        "test_samples_of_a_named_space_cost_what_they_did",
        "test_the_blank_cannot_reach_the_read_out_in_time",
        "test_the_last_read_out_at_17_steps_is_free_of_image_off_from_seven",
        "test_the_reference_numbers",
        "test_training_memory_is_within_15_per_cent",
        # Trainings.
        "test_a_part_of_the_images_is_always_the_same_part",
        "test_a_schedule_that_looks_ahead_is_not_continued_with_other_epochs",
        "test_a_trial_after_others_is_the_same_to_the_last_bit",
        "test_an_epoch_is_timed_from_a_part_of_it",
        "test_in_parts_it_is_the_same_training",
        "test_it_ends_as_the_whole_network",
        "test_it_resumes_to_the_bit",
        "test_to_ask_for_no_less_changes_no_number",
        "test_trials_leave_no_memory_behind",
        # Searches of many points.
        "test_a_campaign_whose_drivers_were_killed_replays",
        "test_an_early_score_is_not_taken_for_a_final_one",
        "test_good_scores_are_sought",
        "test_points_that_come_again_are_in_the_journal",
        "test_suggestions_made_ahead_replay",
        "test_what_has_no_score_is_avoided",
        # Damage by the hundred, and processes that are killed.
        "test_a_damaged_document_is_one_error",
        "test_a_damaged_file_is_read_or_is_one_error",
        "test_what_others_wrote_is_read_or_is_one_error",
        "test_killed_at_any_moment_of_writing",
        "test_killed_at_any_moment_there_is_the_old_export_or_the_new_one",
        "test_several_processes_may_open_a_new_store_at_once",
        "test_what_a_killed_driver_called_done_is_there_and_whole",
        # A second or so each.
        "test_a_campaign_of_several_objectives_replays",
        "test_the_command_runs_all_campaigns_once_and_goes_on_where_they_stopped",
        "test_a_changed_choice_is_the_first_difference",
        "test_a_hook_fires_once_for_each_step_and_sees_what_is_traced",
        "test_a_lost_cluster_is_told_once_it_is_silent_for_long",
        "test_a_memory_that_nothing_fits_ends_the_campaign",
        "test_a_network_has_the_tensors_of_the_table_and_no_others",
        "test_a_run_is_found_by_its_key",
        "test_a_trial_whose_worker_lives_is_not_waited_for",
        "test_an_actor_that_is_used_again_leaks_nothing",
        "test_an_altered_sample_of_a_network_is_seen",
        "test_every_drawn_sample_is_a_network_and_comes_back_from_its_flat_form",
        "test_every_other_end_is_found",
        "test_every_part_reads_what_the_part_before_it_writes",
        "test_its_format_is_that_of_the_suffix",
        "test_logits_of_all_steps_and_of_the_last",
        "test_names_and_the_order_of_sums_do_not_matter",
        "test_one_error_says_what_is_wrong",
        "test_other_changes_are_refused",
        "test_parameters_are_those_of_the_network",
        "test_planned_is_literal_on_the_whole_grammar",
        "test_published_cells",
        "test_recomputing_holds_less",
        "test_stages_that_are_taken_for_alike_have_the_form_of_their_own",
        "test_the_plan_counts_what_is_executed",
        "test_the_part_of_a_card_is_shown",
        "test_the_published_networks",
        "test_their_campaigns_replay_over_killed_drivers",
        "test_values_of_one_name_are_equal_in_the_literal_unroll",
        "test_weights_of_parts_that_are_not_live_move_no_output",
        "test_what_another_campaign_answered_replays",
        "test_what_lies_in_the_current_folder_is_not_run",
        "test_what_ran_out_of_memory_is_trained_in_less",
        "test_what_trains_in_less_memory_is_counted",
        "test_a_drawn_cell_is_its_equations",
        "test_a_few_draws_find_the_teacher",
        "test_a_new_driver_knows_what_the_old_one_knew",
        "test_a_part_of_the_table_has_the_paths_below_it",
        "test_a_run_beyond_the_limits_of_a_call_is_written_whole",
        "test_a_worker_that_cannot_import_is_tried_again_and_then_stops_the_run",
        "test_every_tensor_of_a_published_network_starts_and_decays_as_published",
        "test_every_term_that_reads_something_is_placed_once",
        "test_five_thousand_trials_are_summed_up_in_a_moment",
        "test_gpus_are_whole_or_a_part_of_one",
        "test_gradient_of_a_depthwise_kernel",
        "test_hyperopt_draws_the_conditional_space",
        "test_multiply_adds_of_a_decoder_are_counted_once_an_image",
        "test_one_error_names_field_value_and_cure",
        "test_one_seed_gives_one_sequence",
        "test_planning_takes_milliseconds",
        "test_the_drill_fails_if_anything_was_lost",
        "test_the_named_spaces_have_nothing_that_never_acts",
        "test_the_order_in_which_images_are_solved_is_found",
        "test_the_other_way_round_the_sides_are_exchanged",
        "test_the_unroll_reads_the_step_before",
        "test_what_an_operation_keeps_is_what_pytorch_keeps",
        "test_without_feedback_its_choices_are_inert",
        # All files of the tests, read.
        "test_no_assertion_hangs_on_a_clock",
    }
)
"""Functions that take about a second of a processor or more: the mark `long`."""


def is_among(path: Path, name: str) -> bool:
    """Whether a test file, relative to tests/, is the file or in the folder of that name."""
    wanted = Path(name)
    if wanted.suffix:
        return path.name == wanted.name and path.is_relative_to(wanted.parent)
    return path.is_relative_to(wanted)


def starts_processes(path: Path) -> bool:
    """Whether the tests of a file, relative to tests/, have the mark `process`."""
    return rank(path) < len(PROCESSES)


@functools.cache
def rank(path: Path) -> int:
    """The place in PROCESSES of a file, relative to tests/; behind them all if it has none."""
    if any(is_among(path, name) for name in PURE):
        return len(PROCESSES)
    return next((at for at, name in enumerate(PROCESSES) if is_among(path, name)), len(PROCESSES))
