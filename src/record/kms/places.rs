//! Where records name keys, beside `resources`.
//!
//! What must stay true: a place is listed before those that name the same key less well.

/// Where else a record names its keys by ARN, best first; the places of one row count together.
pub(super) const KEY_PLACES: &[&[&[&str]]] = &[
    &[
        &["responseElements", "keyId"],
        &["responseElements", "keyMetadata", "arn"],
        &["responseElements", "replicaKeyMetadata", "arn"],
    ],
    &[
        &["requestParameters", "keyId"],
        &["requestParameters", "targetKeyId"],
        &["requestParameters", "sourceKeyId"],
        &["requestParameters", "destinationKeyId"],
    ],
    &[&["serviceEventDetails", "keyId"]],
    // Other services' records, such as CloudTrail's UpdateTrail.
    &[&["responseElements", "kmsKeyId"], &["requestParameters", "kmsKeyId"]],
    // S3 data events: what S3 answered, and what the caller asked for.
    &[&["responseElements", S3_KEY_HEADER], &["requestParameters", S3_KEY_HEADER]],
    &[&["requestParameters", "ObjectEncryption", "SSE-KMS", "KMSKeyArn"]],
    &[&[
        "requestParameters",
        "ServerSideEncryptionConfiguration",
        "Rule",
        "ApplyServerSideEncryptionByDefault",
        "KMSMasterKeyID",
    ]],
    // EC2 wraps this one.
    &[
        &["responseElements", "ModifyEbsDefaultKmsKeyIdResponse", "kmsKeyId"],
        &["requestParameters", "ModifyEbsDefaultKmsKeyIdRequest", "KmsKeyId"],
    ],
];

/// The header that names the key an object is encrypted under: the caller's wish, and S3's answer.
pub const S3_KEY_HEADER: &str = "x-amz-server-side-encryption-aws-kms-key-id";

/// Where a KMS record may give a bare key id, best first.
pub(super) const BARE_PLACES: &[&[&[&str]]] = &[
    &[
        &["requestParameters", "keyId"],
        &["requestParameters", "targetKeyId"],
        &["requestParameters", "sourceKeyId"],
        &["requestParameters", "destinationKeyId"],
    ],
    &[&["responseElements", "keyId"]],
    &[&["serviceEventDetails", "keyId"]],
];
