//! The tactics of MITRE ATT&CK, as Sigma tags name them.

/// A tactic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tactic {
    /// As a tag has it, after `attack.`.
    pub tag: &'static str,
    /// Its id in ATT&CK.
    pub id: &'static str,
    /// Its name in ATT&CK.
    pub name: &'static str,
}

const fn tactic(tag: &'static str, id: &'static str, name: &'static str) -> Tactic {
    Tactic { tag, id, name }
}

/// All of them. Those that end with a loss come first, those that prepare one last.
pub const TACTICS: [Tactic; 12] = [
    tactic("impact", "TA0040", "Impact"),
    tactic("exfiltration", "TA0010", "Exfiltration"),
    tactic("credential-access", "TA0006", "Credential Access"),
    tactic("collection", "TA0009", "Collection"),
    tactic("defense-evasion", "TA0005", "Defense Evasion"),
    tactic("privilege-escalation", "TA0004", "Privilege Escalation"),
    tactic("persistence", "TA0003", "Persistence"),
    tactic("lateral-movement", "TA0008", "Lateral Movement"),
    tactic("command-and-control", "TA0011", "Command and Control"),
    tactic("execution", "TA0002", "Execution"),
    tactic("initial-access", "TA0001", "Initial Access"),
    tactic("discovery", "TA0007", "Discovery"),
];

impl Tactic {
    /// Whether a tag of a rule, such as `attack.impact`, is this tactic.
    pub fn is_tagged(&self, tag: &str) -> bool {
        tag.strip_prefix("attack.").is_some_and(|tag| tag.replace('_', "-") == self.tag)
    }
}
