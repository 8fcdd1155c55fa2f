using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Tests.Acme;

public sealed class SignedRequestsTests : IDisposable
{
    private static readonly Uri _url = new("https://authority.example/acme/new-order");
    private readonly AccountKey _key = AccountKey.Create();

    [Fact]
    public void An_accounts_request_names_algorithm_nonce_address_and_account_and_nothing_else()
    {
        var account = new AcmeAccount(_key, new Uri("https://authority.example/acme/acct/1"));

        var jws = SignRequest.ByAccount(account, _url, "bm9uY2U", "{}"u8);

        var (header, payload) = Verify(jws, _key);
        Assert.Equal(
            """{"alg":"ES256","nonce":"bm9uY2U","url":"https://authority.example/acme/new-order","kid":"https://authority.example/acme/acct/1"}""",
            header);
        Assert.Equal("{}", payload);
    }

    [Fact]
    public void A_keys_request_carries_the_public_key_alone()
    {
        var (header, payload) = Verify(SignRequest.ByKey(_key, _url, "bm9uY2U", []), _key);

        Assert.Equal("", payload);
        using var json = JsonDocument.Parse(header);
        Assert.Equal(
            ["alg", "nonce", "url", "jwk"], json.RootElement.EnumerateObject().Select(member => member.Name));
        Assert.Equal(
            ["crv", "kty", "x", "y"],
            json.RootElement.GetProperty("jwk").EnumerateObject().Select(member => member.Name));
    }

    [Fact]
    public void The_thumbprint_is_over_the_members_in_their_order()
    {
        var jwk = _key.Jwk;
        var text = $$"""{"crv":"P-256","kty":"EC","x":"{{jwk.GetProperty("x")}}","y":"{{jwk.GetProperty("y")}}"}""";

        Assert.Equal(Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(text))), _key.Thumbprint);
        Assert.Equal(43, _key.Thumbprint.Length);
    }

    [Fact]
    public void A_key_that_was_stored_is_the_same_key()
    {
        using var again = AccountKey.FromPkcs8(_key.ExportPkcs8());

        Assert.Equal(_key.Thumbprint, again.Thumbprint);
        Verify(SignRequest.ByKey(again, _url, "bm9uY2U", "{}"u8), _key);
    }

    [Fact]
    public void A_key_on_another_curve_is_no_accounts_key()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);

        Assert.Throws<CryptographicException>(() => AccountKey.FromPkcs8(other.ExportPkcs8PrivateKey()));
        Assert.ThrowsAny<CryptographicException>(() => AccountKey.FromPkcs8([1, 2, 3]));
    }

    [Fact]
    public void A_binding_is_HS256_over_the_accounts_key_for_the_address_of_new_accounts()
    {
        byte[] macKey = [.. Enumerable.Range(0, 32).Select(number => (byte)number)];

        var binding = SignRequest.Binding(_key, _url, "kid-1", macKey);

        Assert.Equal(
            """{"alg":"HS256","url":"https://authority.example/acme/new-order","kid":"kid-1"}""",
            Encoding.UTF8.GetString(Base64Url.DecodeFromChars(binding.ProtectedHeader)));
        Assert.Equal(_key.JwkText, Encoding.UTF8.GetString(Base64Url.DecodeFromChars(binding.Payload)));
        Assert.Equal(
            HMACSHA256.HashData(macKey, Encoding.ASCII.GetBytes($"{binding.ProtectedHeader}.{binding.Payload}")),
            Base64Url.DecodeFromChars(binding.Signature));
    }

    [Fact]
    public async Task Many_threads_sign_with_one_key()
    {
        await Parallel.ForAsync(0, 200, (number, _) =>
        {
            Verify(SignRequest.ByKey(_key, _url, $"n{number}", "{}"u8), _key);
            return ValueTask.CompletedTask;
        });
    }

    public void Dispose() => _key.Dispose();

    private static (string Header, string Payload) Verify(byte[] jws, AccountKey key)
    {
        using var json = JsonDocument.Parse(jws);
        string Member(string name) => json.RootElement.GetProperty(name).GetString()!;
        using var ecdsa = ECDsa.Create();
        ecdsa.ImportPkcs8PrivateKey(key.ExportPkcs8(), out _);
        Assert.Equal(3, json.RootElement.EnumerateObject().Count());
        Assert.True(ecdsa.VerifyData(
            Encoding.ASCII.GetBytes($"{Member("protected")}.{Member("payload")}"),
            Base64Url.DecodeFromChars(Member("signature")),
            HashAlgorithmName.SHA256,
            DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
        return (Text(Member("protected")), Text(Member("payload")));
    }

    private static string Text(string base64Url) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(base64Url));
}
