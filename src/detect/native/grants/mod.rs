//! Rules about grants: code for `rules/grants/`.
//!
//! A grant lets its grantee use a key without a change of the key policy. All rules here read a
//! single `CreateGrant` record.

pub mod grant_external_grantee;
pub mod grant_retiring_external;
pub mod grant_service_principal_unfenced;
pub mod grant_to_self;
pub mod grant_unconstrained;

pub use grant_external_grantee::GrantExternalGrantee;
pub use grant_retiring_external::GrantRetiringExternal;
pub use grant_service_principal_unfenced::GrantServicePrincipalUnfenced;
pub use grant_to_self::GrantToSelf;
pub use grant_unconstrained::GrantUnconstrained;
