using System.Text.Json.Nodes;
using CsCheck;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Model;
using KlingPS.Core.Tests.Api;

namespace KlingPS.Core.Tests.Callbacks;

public sealed class CallbackPayloadTests
{
    private const string Uri = "https://hooks.example/?klingps=00112233445566778899aabbccddeeff";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Both_dialects_tell_the_address_that_was_called(bool isNested)
    {
        var body = new JsonObject
        {
            ["code"] = 200,
            ["data"] = new JsonObject { ["taskId"] = "t1", ["state"] = "success", ["param"] = CallbackTexts.Param("A fox.", "https://images.example/fox.png", Uri, isNested) },
        };

        CallbackPayload payload = CallbackPayload.Read(CallbackTexts.Bytes(body.ToJsonString())).Payload!;

        Assert.Equal(["t1"], payload.TaskIds);
        Assert.Equal(("success", Uri, false), (payload.State, payload.CallbackUri, payload.IsPending));
    }

    [Theory]
    [InlineData("generating", true)]
    [InlineData("WAITING", true)]
    [InlineData("success", false)]
    [InlineData("fail", false)]
    [InlineData("a word of tomorrow", false)]
    public void Only_a_word_that_is_known_says_that_nothing_has_ended(string state, bool isPending)
        => Assert.Equal(isPending, CallbackPayload.Read(CallbackTexts.Bytes(CallbackTexts.Body("t1", state))).Payload!.IsPending);

    [Fact]
    public void What_is_kept_of_a_payload_is_short()
    {
        string body = $$$"""{"taskId":"{{{new string('a', 129)}}}","data":{"taskId":"t1","state":"{{{new string('b', 33)}}}"}}""";

        CallbackPayload payload = CallbackPayload.Read(CallbackTexts.Bytes(body)).Payload!;

        Assert.Equal(["t1"], payload.TaskIds);
        Assert.Null(payload.State);
    }

    [Fact]
    public void A_byte_order_mark_before_a_callback_is_passed_over()
        => Assert.Equal(["t1"], CallbackPayload.Read(CallbackTexts.Bytes("\uFEFF" + CallbackTexts.Body("t1"))).Payload!.TaskIds);

    [Fact]
    public void A_callback_that_names_its_task_twice_names_none()
        => Assert.Null(CallbackPayload.Read(CallbackTexts.Bytes("""{"data":{"taskId":"t1","taskId":"t2"}}""")).Payload);

    [Fact]
    public void No_callback_whatever_is_more_than_a_problem_or_an_id_in_its_form()
        => Gen.Int.Sample(
            seed =>
            {
                byte[] body = CallbackTexts.Bytes(JsonNoise.Write(new Random(seed)));
                (CallbackPayload? payload, CallbackVerdict problem) = CallbackPayload.Read(body);
                Assert.True(payload is not null || problem != CallbackVerdict.Genuine);
                Assert.All(payload?.TaskIds ?? [], id => Assert.True(ServiceTaskId.IsValid(id)));
            },
            print: seed => JsonNoise.Write(new Random(seed)));

    [Fact]
    public void Nothing_that_can_be_sent_is_more_than_a_problem()
        => Gen.Byte.Array[0, 60].Sample(bytes => Assert.True(CallbackPayload.Read(bytes) is { Payload: null, Problem: not CallbackVerdict.Genuine } or { Payload: not null }));
}
