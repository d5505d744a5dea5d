//! Rules about key policies and IAM policies: code for `rules/policy/`.
//!
//! The rules read the policy document in a record. Sigma cannot parse a policy, and cannot decide
//! which statement wins. Every rule here must read a document through `shared::policy_document`.

pub mod iam_policy_kms_wide;
pub mod key_policy_changed_history;
pub mod policy_address_only;
pub mod policy_admin_and_use;
pub mod policy_admin_removed;
pub mod policy_alias_reference;
pub mod policy_critical_actions_without_mfa;
pub mod policy_dead_condition;
pub mod policy_default_unedited;
pub mod policy_default_unedited_history;
pub mod policy_external_account;
pub mod policy_external_account_root;
pub mod policy_external_trust_spread;
pub mod policy_mfa_condition_broken;
pub mod policy_no_encryption_context;
pub mod policy_no_iam_delegation;
pub mod policy_not_principal;
pub mod policy_public_principal;
pub mod policy_self_grant;
pub mod policy_service_without_source;
pub mod policy_unreadable;
pub mod policy_unrestricted_grants;
pub mod policy_wildcard_actions;

pub use iam_policy_kms_wide::IamPolicyKmsWide;
pub use key_policy_changed_history::KeyPolicyChangedHistory;
pub use policy_address_only::PolicyAddressOnly;
pub use policy_admin_and_use::PolicyAdminAndUse;
pub use policy_admin_removed::PolicyAdminRemoved;
pub use policy_alias_reference::PolicyAliasReference;
pub use policy_critical_actions_without_mfa::PolicyCriticalActionsWithoutMfa;
pub use policy_dead_condition::PolicyDeadCondition;
pub use policy_default_unedited::PolicyDefaultUnedited;
pub use policy_default_unedited_history::PolicyDefaultUneditedHistory;
pub use policy_external_account::PolicyExternalAccount;
pub use policy_external_account_root::PolicyExternalAccountRoot;
pub use policy_external_trust_spread::PolicyExternalTrustSpread;
pub use policy_mfa_condition_broken::PolicyMfaConditionBroken;
pub use policy_no_encryption_context::PolicyNoEncryptionContext;
pub use policy_no_iam_delegation::PolicyNoIamDelegation;
pub use policy_not_principal::PolicyNotPrincipal;
pub use policy_public_principal::PolicyPublicPrincipal;
pub use policy_self_grant::PolicySelfGrant;
pub use policy_service_without_source::PolicyServiceWithoutSource;
pub use policy_unreadable::PolicyUnreadable;
pub use policy_unrestricted_grants::PolicyUnrestrictedGrants;
pub use policy_wildcard_actions::PolicyWildcardActions;
