using System.Globalization;
using System.Net;
using System.Net.Sockets;
using KlingPS.Core.Api;
using KlingPS.Core.Network;
using KlingPS.Core.Scheduling;

namespace KlingPS.Core.Setup;

/// <summary>Checks what lies between this machine and the service. Its requests are free and carry no key.</summary>
/// <param name="endpoints">Where the service is.</param>
/// <param name="handler">Connects to it.</param>
/// <param name="time">The clock.</param>
internal sealed class NetworkChecks(KlingEndpoints endpoints, HttpMessageHandler handler, TimeProvider time)
{
    /// <summary>With the clock this far off, a run would have its upload refused as too old, or a callback as forged.</summary>
    private static readonly TimeSpan s_farOff = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan s_off = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>Checks whether the service answers, and what time its clock shows.</summary>
    /// <param name="cancellationToken">Ends the checks.</param>
    public async Task<(KlingSetupCheck Service, KlingSetupCheck Clock)> CheckServiceAsync(CancellationToken cancellationToken)
    {
        Answer answer = await AskAsync(new Uri(endpoints.Api, "api/v1/chat/credit"), cancellationToken).ConfigureAwait(false);
        KlingSetupCheck service = Judge("Service", endpoints.Api, answer);
        return (service, answer.Date is DateTimeOffset date
            ? JudgeClock(date, answer.At)
            : KlingSetupCheck.Skipped("Clock", answer.Trouble is null ? "The service did not say what time it is." : "The service did not answer."));
    }

    /// <summary>Checks whether the host for uploads answers.</summary>
    /// <param name="cancellationToken">Ends the check.</param>
    public async Task<KlingSetupCheck> CheckUploadHostAsync(CancellationToken cancellationToken)
        => Judge("UploadHost", endpoints.Upload, await AskAsync(endpoints.Upload, cancellationToken).ConfigureAwait(false));

    /// <summary>Says which proxy requests go through.</summary>
    /// <param name="route">The way out.</param>
    public KlingSetupCheck CheckProxy(ProxyRoute route)
    {
        const string Name = "Proxy";
        ArgumentNullException.ThrowIfNull(route);
        Uri? proxy = route.IsBypassed(endpoints.Api) ? null : route.GetProxy(endpoints.Api);
        return proxy is null
            ? KlingSetupCheck.Ok(Name, $"Requests to {endpoints.Api.Host} go there without a proxy.")
            : KlingSetupCheck.Ok(Name, $"Requests to {endpoints.Api.Host} go through the proxy {AddressPolicy.Describe(proxy)}.");
    }

    /// <summary>Checks an address for callbacks: its form, and whether something listens there, as far as that can be seen from here.</summary>
    /// <param name="address">The address.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    public async Task<KlingSetupCheck> CheckCallbackAsync(string address, CancellationToken cancellationToken)
    {
        const string Name = "Callback";
        if (endpoints.Addresses.FindReachProblem(address) is string problem)
        {
            return KlingSetupCheck.Failed(Name, $"The address {problem}.", "Give the public address of a tunnel or a proxy that leads to Receive-KlingCallback; Get-Help Receive-KlingCallback says how.");
        }

        var uri = new Uri(address);
        if (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)
        {
            return KlingSetupCheck.Failed(Name, $"The address {AddressPolicy.Describe(uri)} is neither http nor https.", "Give an https address.");
        }

        string? trouble = await FindConnectTroubleAsync(uri, cancellationToken).ConfigureAwait(false);
        if (trouble is not null)
        {
            return KlingSetupCheck.Warning(
                Name,
                $"No connection to {AddressPolicy.Describe(uri)} could be made from here: {trouble.TrimEnd('.')}. Where nothing listens, callbacks are lost, and the tasks are asked for instead.",
                "Start the tunnel or proxy before the run, and check the address. If it can be reached only from outside, this check cannot tell.");
        }

        return uri.Scheme == Uri.UriSchemeHttp && !uri.IsLoopback
            ? KlingSetupCheck.Warning(Name, $"Something listens at {AddressPolicy.Describe(uri)}, over plain http: anybody on the way can read the results.", "Use an https address.")
            : KlingSetupCheck.Ok(Name, $"Something listens at {AddressPolicy.Describe(uri)}. Whether the service reaches it can only be seen from there.");
    }

    /// <summary>Judges the clock of this machine by that of the service.</summary>
    /// <param name="service">The time by the service's clock.</param>
    /// <param name="here">The time by the clock of this machine.</param>
    internal static KlingSetupCheck JudgeClock(DateTimeOffset service, DateTimeOffset here)
    {
        const string Name = "Clock";
        TimeSpan ahead = here - service;
        TimeSpan off = ahead.Duration();
        string what = string.Create(
            CultureInfo.InvariantCulture,
            $"This machine's clock is {(off.TotalMinutes < 2 ? $"{off.TotalSeconds:0} seconds" : $"{off.TotalMinutes:0} minutes")} {(ahead > TimeSpan.Zero ? "ahead of" : "behind")} the service's");
        const string Advice = "Have the clock set from the network, as with timedatectl set-ntp true, or w32tm /resync on Windows.";
        return off >= s_farOff ? KlingSetupCheck.Failed(Name, $"{what}: callbacks would be refused as too old, uploads used when they are gone, and the daily limit would count the wrong day.", Advice)
            : off >= s_off ? KlingSetupCheck.Warning(Name, $"{what}.", Advice)
            : KlingSetupCheck.Ok(Name, off < TimeSpan.FromSeconds(2) ? "This machine's clock and the service's agree." : $"{what}.");
    }

    private static KlingSetupCheck Judge(string name, Uri endpoint, Answer answer)
        => answer.Trouble is string trouble
            ? KlingSetupCheck.Failed(
                name,
                $"{AddressPolicy.Describe(endpoint)} does not answer: {trouble.TrimEnd('.')}.",
                "Check the network, the proxy (HTTPS_PROXY, or -Proxy of Connect-KlingAccount) and the address: Get-KlingConfiguration shows which one is in force and where it comes from.")
            : KlingSetupCheck.Ok(name, string.Create(CultureInfo.InvariantCulture, $"{AddressPolicy.Describe(endpoint)} answers within {answer.Elapsed.TotalMilliseconds:0} ms."));

    private async Task<Answer> AskAsync(Uri address, CancellationToken cancellationToken)
    {
        using var deadline = new Deadline(time, s_patience);
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.UserAgent.ParseAdd(KlingClient.UserAgent);
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        long begun = time.GetTimestamp();
        try
        {
            using HttpResponseMessage response = await deadline.RunAsync(
                token => invoker.SendAsync(request, token),
                static () => new KlingException(ErrorKind.ServiceUnavailable, "no response came within 20 seconds"),
                cancellationToken).ConfigureAwait(false);
            TimeSpan elapsed = time.GetElapsedTime(begun);
            return new Answer(elapsed, response.Headers.Date, time.GetUtcNow() - (elapsed / 2), response.StatusCode == HttpStatusCode.ProxyAuthenticationRequired ? "the proxy asks for a name and password" : null);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or KlingException or SocketException)
        {
            return new Answer(time.GetElapsedTime(begun), null, default, Describe(exception));
        }
    }

    private async Task<string?> FindConnectTroubleAsync(Uri uri, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5), time);
        using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(uri.DnsSafeHost, uri.Port, source.Token).ConfigureAwait(false);
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "there was no answer within 5 seconds";
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException or IOException)
        {
            return exception.Message;
        }
    }

    /// <summary>The message of a failed request may only say "see inner exception" instead of the cause, or the cause and once more the address.</summary>
    private static string Describe(Exception exception)
        => exception.InnerException is Exception inner
            && (exception.Message.Contains("inner exception", StringComparison.OrdinalIgnoreCase) || exception.Message.StartsWith(inner.Message, StringComparison.Ordinal))
            ? inner.Message : exception.Message;

    /// <param name="Elapsed">How long it took.</param>
    /// <param name="Date">The time by the service's clock.</param>
    /// <param name="At">The time by the clock of this machine at that moment.</param>
    /// <param name="Trouble">Why there is no answer.</param>
    private sealed record Answer(TimeSpan Elapsed, DateTimeOffset? Date, DateTimeOffset At, string? Trouble);
}
