//! The console itself.

use std::borrow::Cow;

use crate::records::lenient::record;

record! {
    /// The console's version (vendor spec, `GET /system/info`).
    SystemInfo + drift {
        release: Cow<'a, str> = "release",
        version: Cow<'a, str> = "version",
        build: Cow<'a, str> = "build",
        patch: Cow<'a, str> = "patch",
        latest_agent_version: Cow<'a, str> = "latestAgentVersion",
    }
}

record! {
    /// Whether the API is up; always positive while it answers (vendor spec, `GET /system/status`).
    SystemStatus + drift {
        health: Cow<'a, str> = "health",
    }
}
