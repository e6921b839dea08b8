//! Removing namespaces: this lab's at its end, and those of a lab that was killed.

use std::{fs, path::Path};

use rustix::process::{Pid, Signal, kill_process};

use super::{NAMESPACES, PREFIX, command::ip};

/// Removes what labs left behind that do not run any more.
pub(crate) fn sweep() {
    let names = fs::read_dir(NAMESPACES).into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        if maker_of(&name).is_some_and(|maker| !is_lab(maker)) {
            remove(&name);
        }
    }
}

/// Removes a namespace, and ends what still runs in it: whatever does was started by the lab that made it.
pub(super) fn remove(name: &str) {
    let pids = ip(&["netns", "pids", name]).unwrap_or_default();
    let pids = pids.split_whitespace().filter_map(|pid| pid.parse().ok());
    for pid in pids.filter(|pid| u32::try_from(*pid).is_ok_and(|pid| pid != std::process::id())) {
        if let Some(pid) = Pid::from_raw(pid) {
            // It may have ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    if let Err(error) = ip(&["netns", "delete", name]) {
        eprintln!("{error:#}");
    }
}

/// The process id in a name of ours.
fn maker_of(name: &str) -> Option<u32> {
    let (pid, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    pid.parse().ok()
}

/// Whether that process is a lab: the ids of dead ones are given again.
fn is_lab(pid: u32) -> bool {
    let name = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("comm"));
    name.is_ok_and(|name| name.trim() == "lab")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_labs_are_taken_for_theirs() {
        assert_eq!(maker_of("boxmesh-lab-123-box-4"), Some(123));
        assert_eq!(maker_of("boxmesh-lab-x-net"), None);
        assert_eq!(maker_of("somebodys"), None);
    }
}
