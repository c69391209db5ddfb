// usage: ev FILTER ; runs reference evaluation of node tests (all inputs frozen as needed: shape operands given as constants)
use cnnc::{onnx, evaluate};
use cnnc::ir::{Tensor, Data};
use std::path::Path;
fn f64s(t:&Tensor)->Vec<f64>{ match t.data(){Data::F32(v)=>v.iter().map(|&x|x as f64).collect(),Data::F64(v)=>v.clone(),Data::Bool(v)=>v.iter().map(|&b|b as u8 as f64).collect(),_=>t.integers().unwrap_or_default().into_iter().map(|x|x as f64).collect()}}
fn main(){
    let filter=std::env::args().nth(1).unwrap_or_default();
    let dir=std::env::args().nth(2).unwrap_or("/tmp/conf/frozen".into());
    std::panic::set_hook(Box::new(|_|{}));
    let (mut pass,mut refused,mut wrong)=(0,0,0);
    let manifest=std::fs::read_to_string("/tmp/conf/node/manifest.tsv").unwrap();
    for line in manifest.lines().skip(1){
        let c:Vec<&str>=line.split('\t').collect();
        if !(c[0].contains(&filter) || c[1].split(',').any(|o|o==filter)){continue}
        let rtol:f64=c[3].parse().unwrap(); let atol:f64=c[4].parse().unwrap();
        let d=Path::new(&dir).join(c[0]);
        let r=std::panic::catch_unwind(||->Result<(),String>{
            let src=cnnc::Source::Path(d.join("model.onnx"));
            let m=onnx::import(&src,&[]).map_err(|e|format!("refused {e}"))?;
            let t=d.join("test_data_set_0");
            let mut ins=vec![];
            let mut i=0; loop{ let p=t.join(format!("input_{i}.pb")); if !p.exists(){break}
              let b=std::fs::read(&p).unwrap(); ins.push(onnx::read_tensor(&b).map_err(|e|format!("refused input {e}"))?.1); i+=1;}
            let out=evaluate::evaluate(&m.graph,&ins).map_err(|e|format!("refused eval {e}"))?;
            for (i,o) in out.iter().enumerate(){
              let b=std::fs::read(t.join(format!("output_{i}.pb"))).unwrap();
              let w=onnx::read_tensor(&b).map_err(|e|format!("refused output {e}"))?.1;
              if w.shape()!=o.shape()||w.element()!=o.element(){return Err(format!("WRONG output {i}: type {} expected {}",o.tensor_type(),w.tensor_type()))}
              let (a,b)=(f64s(o),f64s(&w));
              for (j,(g,w)) in a.iter().zip(&b).enumerate(){ let ok=(g.is_nan()&&w.is_nan())||g==w||(g-w).abs()<=atol+rtol*w.abs(); if !ok{return Err(format!("WRONG output {i}[{j}]: {g} expected {w}"))}}
            }
            Ok(())
        });
        match r{Ok(Ok(()))=>pass+=1,Ok(Err(e))=>{ if e.starts_with("WRONG"){wrong+=1;println!("{}: {e}",c[0])}else{refused+=1;println!("{}: {}",c[0],e.lines().take(3).collect::<Vec<_>>().join(" "))}},Err(_)=>{wrong+=1;println!("{}: PANIC",c[0])}}
    }
    println!("pass {pass} refused {refused} wrong {wrong}");
}
