using Tracking.ServiceDefaults.Hosting;

namespace Tracking.DomainVerifier;

/// <summary>Calls whoever checks tracking domains.</summary>
internal sealed class DomainsWaiting : CallToWork;

/// <summary>Calls whoever sends notices.</summary>
internal sealed class NoticesWaiting : CallToWork;
