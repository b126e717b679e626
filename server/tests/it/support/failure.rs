//! A project that has failed: what is seen of it everywhere, and that a retry helps.

use serde_json::json;

use super::Server;

impl Server {
    /// The project has failed with this status, at this step, in these words, which its health repeats; and its address
    /// answers that it can't be used.
    pub(crate) async fn expect_failure(&self, project_ref: &str, status: &str, step: &str, words: &[&str]) {
        assert_eq!(self.settled(project_ref).await.as_deref(), Some(status));
        let events = self.events_so_far(project_ref, None).await;
        let failed = events.iter().rfind(|event| event.kind == "step_failed").expect("a step that failed");
        assert_eq!(failed.data["step"], step);
        let cause = failed.data["message"].as_str().unwrap().to_owned();
        eprintln!("{step}: {cause}");
        for word in words {
            assert!(cause.contains(word), "{word:?} is missing in {cause:?}");
        }
        let health = self.get(format!("/v1/projects/{project_ref}/health?services=db")).send().await.expect(200).json();
        assert_eq!((&health[0]["healthy"], &health[0]["error"]), (&json!(false), &json!(cause)));
        self.rest(project_ref, "t").await.expect(503);
    }

    /// Once the cause is gone, a retry makes the project live.
    pub(crate) async fn retry(&self, project_ref: &str) {
        self.change(project_ref, "retry").send().await.expect_empty();
        self.wait_for(project_ref, "ACTIVE_HEALTHY").await;
    }
}
