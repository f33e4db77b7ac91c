//! Looking back in an episode: every panel goes to the moment, and nothing jumps under the pointer meanwhile.

mod support;

use carrot_studio::stage::Order;
use eframe::egui::{self, Rect, Theme};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use support::session::{Session, options};

const TASK: &str = "cartpole/balance";

fn robot(session: &Session) -> Rect {
    session.harness.get_by_label("The robot").rect()
}

#[test]
fn every_panel_goes_to_the_moment_that_is_looked_at() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = Session::start(options(runs.path(), TASK), Theme::Dark);
    session.click("Got it");
    session.still_world();
    session.wait_for_words("0.60 of 0.60 s");
    let slider = session.harness.get_by_label("Step of the episode");
    slider.set_value_accesskit(10.0);
    session.wait_for_words("0.20 of 0.60 s");
    session.wait_for_words("at 0.20 s");
    session.wait_for_words("Give the comment on step 10");
    session.click("Back to now");
    session.wait_for_words("0.60 of 0.60 s");
    session.wait_for_words("Give the comment on this behaviour");
    let back = session.harness.get_by_label("Back to now");
    assert!(back.accesskit_node().is_disabled(), "it is now");
    // A click into the plot, a third of the way.
    let plot = session.harness.get_by_label("Plot of the reward terms").rect();
    let at = plot.left_center() + egui::vec2(plot.width() / 3.0, 0.0);
    session.harness.event(egui::Event::PointerMoved(at));
    for pressed in [true, false] {
        session.harness.event(egui::Event::PointerButton {
            pos: at,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::NONE,
        });
        session.harness.run_steps(2);
    }
    session.wait_for_words("Give the comment on step ");
}

#[test]
fn the_picture_stays_where_it_is_whatever_happens() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = Session::start(options(runs.path(), TASK), Theme::Dark);
    session.click("Got it");
    session.still_world();
    let place = robot(&session);
    for order in [Order::Speed(0.25), Order::Run(true)] {
        session.studio().stage().tell(order);
    }
    session.wait_for_words("× real time");
    assert_eq!(robot(&session), place, "while it moves");
    for order in [Order::Speed(8.0), Order::RunTo(1_000_000)] {
        session.studio().stage().tell(order);
    }
    session.wait_for_words("the task ended the episode");
    assert_eq!(robot(&session), place, "at the end of the episode");
    session
        .harness
        .get_by_label("Step of the episode")
        .set_value_accesskit(5.0);
    session.wait_for_words("0.10 of ");
    assert_eq!(robot(&session), place, "looking back");
}

#[test]
fn a_comment_ends_where_the_record_would_refuse_it() {
    let runs = tempfile::tempdir().unwrap();
    let mut session = Session::start(options(runs.path(), TASK), Theme::Dark);
    session.type_into("Comment", &"ü".repeat(carrot_run_record::COMMENT_LIMIT + 50));
    session.wait_for_words("A comment holds 10,000 characters");
    let comment = &session.studio().document().comment;
    assert_eq!(comment.chars().count(), carrot_run_record::COMMENT_LIMIT);
}
