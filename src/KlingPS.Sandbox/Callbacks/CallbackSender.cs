using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Sandbox.Downloads;
using KlingPS.Sandbox.Faults;
using KlingPS.Sandbox.Jobs;

namespace KlingPS.Sandbox.Callbacks;

/// <summary>Reports the end of tasks to addresses on this machine, as the service does to any: signed when there is a key, and tried again when nobody takes it.</summary>
internal sealed class CallbackSender(
    string? key,
    DownloadLinks links,
    FaultBook faults,
    Meter meter,
    HttpClient http,
    TimeProvider timeProvider,
    CancellationToken stopping)
{
    private const int MaxRetries = 3;

    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

    /// <summary>Sends the callback of a task when it has ended, if one was asked for. Addresses of other machines are passed over.</summary>
    internal void SendAtEnd(Job job)
    {
        if (job.Request.Callback is { IsLoopback: true } uri)
        {
            _ = SendAtEndAsync(job, uri);
        }
    }

    private async Task SendAtEndAsync(Job job, Uri uri)
    {
        // The answer to the request does not wait for it.
        await Task.Yield();
        try
        {
            // Timers take whole milliseconds and may be a little early; the callback must not be ahead of the task.
            while (job.EndsAt - timeProvider.GetUtcNow() is { Ticks: > 0 } left)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)), timeProvider, stopping).ConfigureAwait(false);
            }

            SandboxFault? fault = await faults.MeetAsync(SandboxOperation.Callback, job.Request.Prompt, static _ => true, timeProvider, stopping).ConfigureAwait(false);
            if (fault?.Kind != SandboxFaultKind.LoseCallback)
            {
                ReadOnlyMemory<byte> body = CallbackWriter.Write(job, links.ToUri(job.ResultPath), isOld: fault?.Kind == SandboxFaultKind.OldCallback);
                await DeliverAsync(job, uri, body, times: fault?.Kind == SandboxFaultKind.DuplicateCallback ? 2 : 1).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The sandbox has been stopped, and its tasks are gone with it.
        }
    }

    private async Task DeliverAsync(Job job, Uri uri, ReadOnlyMemory<byte> body, int times)
    {
        for (int tries = 0; tries <= MaxRetries; tries++)
        {
            string timestamp = timeProvider.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            bool isDelivered = false;
            for (int i = 0; i < times; i++)
            {
                isDelivered |= await PostAsync(job, uri, body, timestamp).ConfigureAwait(false);
            }

            if (isDelivered)
            {
                return;
            }

            await Task.Delay(s_pause, timeProvider, stopping).ConfigureAwait(false);
        }
    }

    private async Task<bool> PostAsync(Job job, Uri uri, ReadOnlyMemory<byte> body, string timestamp)
    {
        using var timer = new CancellationTokenSource(s_answerTimeout, timeProvider);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, stopping);
        using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (key is not null)
        {
            byte[] signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{job.Id}.{timestamp}"));
            request.Headers.Add("X-Webhook-Timestamp", timestamp);
            request.Headers.Add("X-Webhook-Signature", Convert.ToBase64String(signature));
        }

        bool isDelivered = false;
        try
        {
            using HttpResponseMessage response = await http.SendAsync(request, linked.Token).ConfigureAwait(false);
            isDelivered = response.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            stopping.ThrowIfCancellationRequested();
        }

        meter.CalledBack(isDelivered);
        if (isDelivered)
        {
            job.CountCallback();
        }

        return isDelivered;
    }
}
