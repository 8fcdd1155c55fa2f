using System.Text.Json.Nodes;

namespace Tracking.AcmeAuthority;

internal sealed class Account(string url, JsonObject key)
{
    public string Url => url;

    public JsonObject Key { get; set; } = key;

    public string Status { get; set; } = "valid";

    public JsonArray? Contact { get; set; }
}

internal sealed class Order(string id, Account account, string[] names, string? profile)
{
    public string Id => id;

    public Account Account => account;

    public string[] Names => names;

    public string? Profile => profile;

    public List<Authorization> Authorizations { get; } = [];

    public string Status { get; set; } = "pending";

    public JsonObject? Error { get; set; }

    public Issued? Certificate { get; set; }

    public int Looks { get; set; }
}

internal sealed class Authorization(string id, Account account, string name)
{
    public string Id => id;

    public Account Account => account;

    public string Name => name;

    public string Status { get; set; } = "pending";

    public List<Challenge> Challenges { get; } = [];
}

internal sealed class Challenge(string type, string token)
{
    public string Type => type;

    public string Token => token;

    public string Status { get; set; } = "pending";

    public JsonObject? Error { get; set; }
}

internal sealed class Issued(string id, Account account, byte[] leaf, string[] chains)
{
    public string Id => id;

    public Account Account => account;

    public byte[] Leaf => leaf;

    public string[] Chains => chains;

    public bool IsReplaced { get; set; }

    public int? RevokedFor { get; set; }
}
