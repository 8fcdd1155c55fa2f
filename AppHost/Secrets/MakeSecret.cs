using System.Security.Cryptography;

namespace Tracking.AppHost.Secrets;

/// <summary>The secrets of the system itself, in the forms that <c>deploy/make-secrets</c> makes too.</summary>
internal static class MakeSecret
{
    /// <summary>A parameter that nobody has to give: made at the first start and kept. Published, it has to be
    /// given.</summary>
    public static IResourceBuilder<ParameterResource> AddSecret(
        this IDistributedApplicationBuilder builder, string name, Func<string> make) =>
        builder.ExecutionContext.IsPublishMode
            ? builder.AddParameter(name, secret: true)
            : builder.AddParameter(name, new MadeOnce(make), secret: true, persist: true);

    /// <summary>32 bytes as base64.</summary>
    public static string MasterKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>The form of an API key.</summary>
    public static string AdminKey() =>
        "trk_" + RandomNumberGenerator.GetString("0123456789abcdefghjkmnpqrstvwxyz", 32);
}
