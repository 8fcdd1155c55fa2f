using System.Security.Cryptography;

namespace Tracking.AppHost.Secrets;

/// <summary>The system's own secrets, in the same forms as those of <c>deploy/make-secrets</c>.</summary>
internal static class MakeSecret
{
    /// <summary>A parameter with a generated value: the first start makes and keeps it. A published system needs a
    /// given value.</summary>
    public static IResourceBuilder<ParameterResource> AddSecret(
        this IDistributedApplicationBuilder builder, string name, Func<string> make) =>
        builder.ExecutionContext.IsPublishMode
            ? builder.AddParameter(name, secret: true)
            : builder.AddParameter(name, new MadeOnce(make), secret: true, persist: true);

    /// <summary>32 random bytes as base64.</summary>
    public static string MasterKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>A random secret in the form of an API key.</summary>
    public static string AdminKey() =>
        "trk_" + RandomNumberGenerator.GetString("0123456789abcdefghjkmnpqrstvwxyz", 32);
}
