using System.Text;
using System.Text.Json.Nodes;

namespace Tracking.AcmeAuthority;

public sealed partial class TestAuthority
{
    private readonly List<Account> _accounts = [];

    /// <summary>How many accounts there are.</summary>
    public int Accounts => _accounts.Count;

    /// <summary>Forgets all accounts, as a staging authority does.</summary>
    public void ForgetAccounts()
    {
        lock (_lock)
        {
            _accounts.Clear();
        }
    }

    /// <summary>Deactivates all accounts, as an operator of the authority can.</summary>
    public void DeactivateAccounts()
    {
        lock (_lock)
        {
            _accounts.ForEach(account => account.Status = "deactivated");
        }
    }

    private JsonObject KeyOf(string kid) => _accounts.Find(account => account.Url == kid)?.Key
        ?? throw new RefusalException(400, "accountDoesNotExist", $"No account is at {kid}");

    private Answer NewAccount(VerifiedRequest request, string url)
    {
        var key = request.Jwk ?? throw RefusalException.Malformed("jwk is needed here");
        var json = request.Json;
        var thumbprint = VerifyRequest.Thumbprint(key);
        if (_accounts.Find(account => VerifyRequest.Thumbprint(account.Key) == thumbprint) is { } known)
        {
            return known.Status == "valid"
                ? AccountAnswer(known, 200)
                : throw new RefusalException(
                    403, "unauthorized", $"An account exists with this key but is {known.Status}");
        }

        if ((bool?)json["onlyReturnExisting"] is true)
        {
            throw new RefusalException(400, "accountDoesNotExist", "No account has this key");
        }

        if (TermsOfService is not null && (bool?)json["termsOfServiceAgreed"] is not true)
        {
            throw new RefusalException(400, "malformed", "must agree to terms of service");
        }

        if (ExternalAccounts.Count > 0)
        {
            VerifyRequest.Binding(
                json["externalAccountBinding"]
                    ?? throw new RefusalException(403, "externalAccountRequired", "No external account binding"),
                key, url, ExternalAccounts);
        }

        var contact = json["contact"] as JsonArray;
        foreach (var address in contact ?? [])
        {
            if (!((string?)address ?? "").StartsWith("mailto:", StringComparison.Ordinal))
            {
                throw new RefusalException(400, "unsupportedContact", $"contact \"{address}\" is not taken");
            }
        }

        var account = new Account($"{Origin}/account/{NewId()}", (JsonObject)key.DeepClone())
        {
            Contact = (JsonArray?)contact?.DeepClone(),
        };
        _accounts.Add(account);
        return AccountAnswer(account, 201);
    }

    private static Answer ChangeAccount(Account account, VerifiedRequest request, string url)
    {
        if (account.Url != url)
        {
            throw new RefusalException(403, "unauthorized", "another account's");
        }

        if (!request.IsGet && (string?)request.Json["status"] is { } status)
        {
            account.Status = status == "deactivated" ? status : throw RefusalException.Malformed($"no status {status}");
        }

        return AccountAnswer(account, 200);
    }

    private Answer ChangeKey(Account account, VerifiedRequest request, string url)
    {
        var inner = VerifyRequest.Read(
            Encoding.UTF8.GetString(request.Payload), url, takeNonce: null,
            _ => throw RefusalException.Malformed("jwk inside"));
        var newKey = inner.Jwk ?? throw RefusalException.Malformed("jwk inside");
        if ((string?)inner.Json["account"] != account.Url || !JsonNode.DeepEquals(inner.Json["oldKey"], account.Key))
        {
            throw RefusalException.Malformed("account or oldKey is another");
        }

        var thumbprint = VerifyRequest.Thumbprint(newKey);
        if (_accounts.Find(other => VerifyRequest.Thumbprint(other.Key) == thumbprint) is { } taken)
        {
            throw new RefusalException(409, "conflict", "New key is already in use for a different account")
            {
                Headers = new Dictionary<string, string> { ["Location"] = taken.Url },
            };
        }

        account.Key = (JsonObject)newKey.DeepClone();
        return AccountAnswer(account, 200);
    }

    private static Answer AccountAnswer(Account account, int status)
    {
        var json = new JsonObject { ["status"] = account.Status, ["orders"] = $"{account.Url}/orders" };
        if (account.Contact is not null)
        {
            json["contact"] = account.Contact.DeepClone();
        }

        return new Answer(status, json) { Headers = [("Location", account.Url)] };
    }
}
