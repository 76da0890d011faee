//! User and group names.

/// Names of users and groups of the host.
#[derive(Debug, Default)]
pub struct Users {
    // to be written
}

/// One line of the password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

impl Users {
    /// The user of that id.
    pub fn user(&self, _uid: u32) -> Option<&User> {
        None
    }

    /// The name of the group of that id.
    pub fn group(&self, _gid: u32) -> Option<&str> {
        None
    }
}
