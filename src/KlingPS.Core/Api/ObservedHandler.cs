namespace KlingPS.Core.Api;

/// <summary>Tells an observer about every request that goes through to a handler. Not disposed, because the handler behind it still belongs to its owner.</summary>
internal sealed class ObservedHandler : DelegatingHandler
{
    /// <summary>Under this key a request may carry its <see cref="RequestReport.Subject"/>.</summary>
    public static readonly HttpRequestOptionsKey<string> Subject = new("KlingPS.Subject");

    private readonly IRequestObserver _observer;
    private readonly TimeProvider _time;

    public ObservedHandler(HttpMessageHandler handler, IRequestObserver observer, TimeProvider time)
        : base(handler)
    {
        _observer = observer;
        _time = time;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        long start = _time.GetTimestamp();
        int? status = null;
        string? error = null;
        try
        {
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            status = (int)response.StatusCode;
            return response;
        }
        catch (Exception exception)
        {
            error = exception.Message;
            throw;
        }
        finally
        {
            // The query of a link may hold a signature.
            var link = new Uri(request.RequestUri!.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped));
            _observer.OnRequest(new RequestReport(request.Method.Method, link, status, null, _time.GetElapsedTime(start), error, null, null)
            {
                Subject = request.Options.TryGetValue(Subject, out string? subject) ? subject : null,
            });
        }
    }
}
