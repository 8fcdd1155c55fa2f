using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Tracking.AcmeAuthority;

public sealed partial class TestAuthority
{
    private readonly List<Order> _orders = [];
    private readonly List<Authorization> _authorizations = [];

    /// <summary>How many orders were placed.</summary>
    public int Orders => _orders.Count;

    /// <summary>How many of them named the certificate that they replace.</summary>
    public int Replacements { get; private set; }

    /// <summary>The profile of the last order.</summary>
    public string? LastProfile => _orders[^1].Profile;

    /// <summary>Makes every order that is not done invalid, with the reason or without.</summary>
    public void FailOrders(RefusalException? reason)
    {
        lock (_lock)
        {
            foreach (var order in _orders.Where(order => order.Status != "valid"))
            {
                order.Status = "invalid";
                order.Error = reason?.ToJson();
            }
        }
    }

    private Answer NewOrder(Account account, VerifiedRequest request)
    {
        var json = request.Json;
        string[] names = [.. (json["identifiers"] as JsonArray ?? throw RefusalException.Malformed("no identifiers")).Select(
            identifier => (string?)identifier?["type"] is "dns"
                ? (string)identifier!["value"]!
                : throw new RefusalException(
                    400, "unsupportedIdentifier", $"{identifier?["type"]} is not issued for"))];
        if (names.Length == 0)
        {
            throw RefusalException.Malformed("no names");
        }

        foreach (var name in names)
        {
            if (RefusedOrders.TryGetValue(name, out var refusal))
            {
                throw refusal;
            }
        }

        var profile = (string?)json["profile"];
        if (profile is not null && (!Profiles.ContainsKey(profile) || RefusedProfiles.Contains(profile)))
        {
            throw new RefusalException(400, "invalidProfile", $"profile \"{profile}\" is not for this account");
        }

        if ((string?)json["replaces"] is { } replaces)
        {
            Replace(account, replaces, names);
        }

        var order = new Order(NewId(), account, names, profile);
        foreach (var name in names)
        {
            order.Authorizations.Add(Authorize(account, name));
        }

        _orders.Add(order);
        return OrderAnswer(order, 201);
    }

    private void Replace(Account account, string id, string[] names)
    {
        var replaced = _certificates.Find(issued => CertificateId(issued) == id && issued.Account == account)
            ?? throw new RefusalException(404, "malformed", "the certificate to replace is not known");
        if (replaced.IsReplaced)
        {
            throw new RefusalException(409, "alreadyReplaced", $"{id} has been replaced");
        }

        using var leaf = X509CertificateLoader.LoadCertificate(replaced.Leaf);
        if (!names.Any(name => leaf.MatchesHostname(name)))
        {
            throw RefusalException.Malformed("the certificate to replace has none of these names");
        }

        replaced.IsReplaced = true;
        Replacements++;
    }

    private Authorization Authorize(Account account, string name)
    {
        if (ReusesAuthorizations && _authorizations.Find(known =>
            known.Account == account && known.Name == name && known.Status == "valid") is { } proved)
        {
            return proved;
        }

        var authorization = new Authorization(NewId(), account, name);
        // One token for each challenge, as Boulder has it.
        foreach (var type in new[] { "dns-01", "http-01", "tls-alpn-01" })
        {
            authorization.Challenges.Add(
                new Challenge(type, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))));
        }

        _authorizations.Add(authorization);
        return authorization;
    }

    private Answer LookAtAuthorization(Account account, string id, VerifiedRequest request)
    {
        var authorization = FindAuthorization(account, id);
        if (!request.IsGet)
        {
            authorization.Status = (string?)request.Json["status"] is "deactivated"
                ? "deactivated"
                : throw RefusalException.Malformed("no status");
        }

        var challenges = new JsonArray(
            [.. authorization.Challenges.Select(each => (JsonNode)Json(authorization, each))]);
        if (OffersUnknownChallenges)
        {
            // As draft-ietf-acme-dns-persist has it: no token at all.
            challenges.Insert(0, new JsonObject
            {
                ["type"] =
                    "dns-persist-01",
                ["url"] = $"{Origin}/challenge/{id}/dns-persist-01",
                ["status"] = "pending",
                ["accounturi"] = account.Url,
                ["issuer-domain-names"] = new JsonArray("authority.example"),
            });
        }

        return new Answer(200, new JsonObject
        {
            ["status"] = authorization.Status,
            ["expires"] = Rfc3339(Time.GetUtcNow().AddDays(1)),
            ["identifier"] = new JsonObject { ["type"] = "dns", ["value"] = authorization.Name },
            ["challenges"] = challenges,
        });
    }

    private Answer TryChallenge(Account account, string id, string type, VerifiedRequest request)
    {
        var authorization = FindAuthorization(account, id);
        var challenge = authorization.Challenges.Find(each => each.Type == type)
            ?? throw new RefusalException(404, "malformed", "no such challenge");
        if (!request.IsGet && challenge.Status == "pending" && authorization.Status == "pending")
        {
            if (request.Json.Count > 0)
            {
                throw RefusalException.Malformed("a challenge takes {}");
            }

            challenge.Status = "processing";
            var answer = $"{challenge.Token}.{VerifyRequest.Thumbprint(account.Key)}";
            _ = Task.Run(() => LookAtNameAsync(authorization, challenge, answer));
        }

        return new Answer(200, Json(authorization, challenge))
        {
            Headers = [("Link", $"<{Origin}/authorization/{id}>;rel=\"up\"")],
        };
    }

    private async Task LookAtNameAsync(Authorization authorization, Challenge challenge, string keyAuthorization)
    {
        RefusalException? refusal = RefusedNames.GetValueOrDefault(authorization.Name);
        try
        {
            if (refusal is null && challenge.Type == "http-01" && HttpPort is { } http)
            {
                await Validate.Http01Async(authorization.Name, challenge.Token, keyAuthorization, http);
            }
            else if (refusal is null && challenge.Type == "tls-alpn-01" && TlsPort is { } tls)
            {
                await Validate.TlsAlpn01Async(authorization.Name, keyAuthorization, tls);
            }
        }
        catch (RefusalException found)
        {
            refusal = found;
        }

        lock (_lock)
        {
            challenge.Status = authorization.Status = refusal is null ? "valid" : "invalid";
            challenge.Error = refusal?.ToJson();
        }
    }

    private Answer Look(Order order)
    {
        if (order.Status == "processing" && order.Looks++ >= ProcessingLooks)
        {
            order.Status = "valid";
        }

        return OrderAnswer(order, 200);
    }

    private Answer Finalize(Order order, VerifiedRequest request)
    {
        Settle(order);
        if (order.Status != "ready")
        {
            throw new RefusalException(
                403, "orderNotReady", $"Order's status (\"{order.Status}\") is not acceptable for finalization");
        }

        var csr = Base64Url.DecodeFromChars((string?)request.Json["csr"] ?? throw RefusalException.Malformed("no csr"));
        CheckCsr(csr, order.Names);
        var (leaf, chains) = _issuer!.Issue(csr, order.Names, Lifetime, IssuesWith, Time);
        order.Certificate = new Issued(order.Id, order.Account, leaf, chains);
        _certificates.Add(order.Certificate);
        order.Status = ProcessingLooks > 0 ? "processing" : "valid";
        return OrderAnswer(order, 200);
    }

    private static void CheckCsr(byte[] csr, string[] names)
    {
        try
        {
            // Checks the signature too.
            var read = CertificateRequest.LoadSigningRequest(
                csr, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
            var found = read.CertificateExtensions.OfType<X509SubjectAlternativeNameExtension>()
                .SelectMany(extension => extension.EnumerateDnsNames())
                .Concat(read.SubjectName.EnumerateRelativeDistinguishedNames()
                    .Where(part => part.GetSingleElementType().Value == "2.5.4.3")
                    .Select(part => part.GetSingleElementValue()!))
                .ToHashSet(StringComparer.OrdinalIgnoreCase);
            if (!found.SetEquals(names))
            {
                throw new RefusalException(400, "badCSR", $"the request is for {string.Join(", ", found)}");
            }
        }
        catch (CryptographicException exception)
        {
            throw new RefusalException(400, "badCSR", exception.Message);
        }
    }

    private static void Settle(Order order)
    {
        if (order.Status == "pending")
        {
            order.Status = order.Authorizations.TrueForAll(each => each.Status == "valid") ? "ready"
                : order.Authorizations.Exists(each => each.Status is "invalid" or "deactivated")
                    ? "invalid"
                    : "pending";
        }
    }

    private Answer OrderAnswer(Order order, int status)
    {
        Settle(order);
        var json = new JsonObject
        {
            ["status"] = order.Status,
            ["expires"] = Rfc3339(Time.GetUtcNow().AddHours(8)),
            ["identifiers"] = new JsonArray([.. order.Names.Select(name =>
                (JsonNode)new JsonObject { ["type"] = "dns", ["value"] = name })]),
            ["authorizations"] = new JsonArray([.. order.Authorizations.Select(each =>
                (JsonNode)$"{Origin}/authorization/{each.Id}")]),
            ["finalize"] = $"{Origin}/finalize/{order.Id}",
        };
        if (order.Profile is not null)
        {
            json["profile"] = order.Profile;
        }

        if (order.Error is not null)
        {
            json["error"] = order.Error.DeepClone();
        }

        if (order.Status == "valid")
        {
            json["certificate"] = $"{Origin}/certificate/{order.Certificate!.Id}";
        }

        var answer = new Answer(status, json) { Headers = [("Location", $"{Origin}/order/{order.Id}")] };
        if (order.Status == "processing")
        {
            answer.Headers.Add(("Retry-After", "3"));
        }

        return answer;
    }

    private JsonObject Json(Authorization authorization, Challenge challenge)
    {
        var json = new JsonObject
        {
            ["type"] = challenge.Type,
            ["url"] = $"{Origin}/challenge/{authorization.Id}/{challenge.Type}",
            ["status"] = challenge.Status,
            ["token"] = challenge.Token,
        };
        if (challenge.Error is not null)
        {
            json["error"] = challenge.Error.DeepClone();
        }

        return json;
    }

    private Order FindOrder(Account account, string id) =>
        _orders.Find(order => order.Id == id && order.Account == account)
        ?? throw new RefusalException(404, "malformed", "no such order");

    private Authorization FindAuthorization(Account account, string id) =>
        _authorizations.Find(each => each.Id == id && each.Account == account)
        ?? throw new RefusalException(404, "malformed", "no such authorization");

    private static string Rfc3339(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
