# A formula for a tap of one's own, OWNER/homebrew-tap. It builds from source.
class Keytrail < Formula
  desc "Audits the use of AWS KMS keys from CloudTrail logs"
  homepage "https://github.com/OWNER/keytrail"
  url "https://github.com/OWNER/keytrail/archive/refs/tags/v0.1.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args
    generate_completions_from_executable(bin/"keytrail", "generate", "completions")
    man1.mkpath
    system bin/"keytrail", "generate", "man", "--all", man1
  end

  test do
    (testpath/"record.json").write <<~JSON
      {"eventVersion":"1.11","eventID":"8d4c1f0a-1b9e-4a60-9a52-3f8f5f6f0c11","eventTime":"2026-11-03T09:41:07Z",
       "eventType":"AwsApiCall","eventSource":"kms.amazonaws.com","eventName":"DisableKey","awsRegion":"eu-central-1",
       "recipientAccountId":"111122223333",
       "userIdentity":{"type":"IAMUser","accountId":"111122223333","arn":"arn:aws:iam::111122223333:user/ana"},
       "requestParameters":{"keyId":"1234abcd-12ab-34cd-56ef-1234567890ab"}}
    JSON
    assert_match "key-disabled", shell_output("#{bin}/keytrail scan --format csv record.json")
    assert_match version.to_s, shell_output("#{bin}/keytrail --version")
  end
end
