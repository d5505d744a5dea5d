//! Rules about secrets in Secrets Manager, Parameter Store, Lambda and S3: code for
//! `rules/secrets/`.
//!
//! These services call KMS for a caller. The rules here connect the call of the service with the
//! principal behind it.

pub mod lambda_env_decrypted_by_others;
pub mod lambda_env_default_key;
pub mod secret_read_catch_all;
pub mod secrets_bucket_reader;
pub mod secrets_bucket_wrong_encryption;
pub mod ssm_securestring_downgraded;

pub use lambda_env_decrypted_by_others::LambdaEnvDecryptedByOthers;
pub use lambda_env_default_key::LambdaEnvDefaultKey;
pub use secret_read_catch_all::SecretReadCatchAll;
pub use secrets_bucket_reader::SecretsBucketReader;
pub use secrets_bucket_wrong_encryption::SecretsBucketWrongEncryption;
pub use ssm_securestring_downgraded::SsmSecurestringDowngraded;
